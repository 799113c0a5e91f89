// Run with Livy's own client for Java on the classpath: begins a session, finds it again by its address, uploads a file,
// reads views of batches with the client's own parser, which takes no field that it does not know, and ends the session.
import java.net.{HttpURLConnection, URI}
import java.nio.file.Files
import java.util.concurrent.TimeUnit
import org.apache.livy.{LivyClient, LivyClientBuilder}
import org.apache.livy.client.common.HttpMessages.SessionInfo
import scala.io.Source

def inside(owner: AnyRef, name: String): AnyRef = {
  val field = owner.getClass.getDeclaredField(name)
  field.setAccessible(true)
  field.get(owner)
}

def begin(uri: String): LivyClient = new LivyClientBuilder(false).setURI(new URI(uri)).build()

val url = args(0)
val client = begin(url)
val number = inside(client, "sessionId").toString
val again = begin(s"$url/sessions/$number")
val file = Files.createTempFile("upload", ".txt")
Files.write(file, ("x" * 100000).getBytes)
val uploaded = try { client.uploadFile(file.toFile).get(30, TimeUnit.SECONDS); "" } catch { case e: Exception => e.toString }
val mapper = inside(inside(client, "conn"), "mapper")
val read = mapper.getClass.getMethod("readValue", classOf[String], classOf[Class[_]])
val states = args.drop(1).map { path =>
  val text = Source.fromURL(url + path).mkString
  read.invoke(mapper, text, classOf[SessionInfo]).asInstanceOf[SessionInfo].state
}
again.stop(false)
client.stop(true)
val gone = new URI(s"$url/sessions/$number").toURL.openConnection().asInstanceOf[HttpURLConnection].getResponseCode
val quoted = states.map(each => "\"" + each + "\"").mkString(",")
println(s"""{"id":$number,"again":${inside(again, "sessionId")},"uploaded":"$uploaded","states":[$quoted],"gone":$gone}""")
System.exit(0)
